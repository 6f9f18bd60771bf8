/* skua info --models. */
#ifndef SKUA_CLI_INFO_MODELS_H
#define SKUA_CLI_INFO_MODELS_H

#include "base/base.h"

/* A row for each architecture (as on ImageNet) and each short name: pictures, classes, parameters, multiply-adds. */
enum sk_code sk_info_models(bool json, struct sk_err *err) SK_MUST;

#endif
