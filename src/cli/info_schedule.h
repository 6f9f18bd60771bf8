/* The learning rate over a training as `skua info --schedule` shows it. */
#ifndef SKUA_CLI_INFO_SCHEDULE_H
#define SKUA_CLI_INFO_SCHEDULE_H

#include "base/base.h"
#include "recipe/recipe.h"

/* Draws the rate of each step of the recipe's training, and a table of epochs; json: one object with the rate at the
 * beginning of each epoch and of the last step. samples: of the training data; 0: not known, then an epoch counts as 100
 * steps. */
enum sk_code sk_info_schedule(const struct sk_recipe *recipe, int64_t samples, bool json, struct sk_err *err);

#endif
