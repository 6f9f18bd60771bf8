/* The published CIFAR sets: files, sizes, keys and class names. */
#include "data/cifar.h"

static const char *const names10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};
static const char *const names100[] = {
    "apple",      "aquarium_fish", "baby",       "bear",         "beaver",      "bed",          "bee",
    "beetle",     "bicycle",       "bottle",     "bowl",         "boy",         "bridge",       "bus",
    "butterfly",  "camel",         "can",        "castle",       "caterpillar", "cattle",       "chair",
    "chimpanzee", "clock",         "cloud",      "cockroach",    "couch",       "crab",         "crocodile",
    "cup",        "dinosaur",      "dolphin",    "elephant",     "flatfish",    "forest",       "fox",
    "girl",       "hamster",       "house",      "kangaroo",     "keyboard",    "lamp",         "lawn_mower",
    "leopard",    "lion",          "lizard",     "lobster",      "man",         "maple_tree",   "motorcycle",
    "mountain",   "mouse",         "mushroom",   "oak_tree",     "orange",      "orchid",       "otter",
    "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",        "poppy",
    "porcupine",  "possum",        "rabbit",     "raccoon",      "ray",         "road",         "rocket",
    "rose",       "sea",           "seal",       "shark",        "shrew",       "skunk",        "skyscraper",
    "snail",      "snake",         "spider",     "squirrel",     "streetcar",   "sunflower",    "sweet_pepper",
    "table",      "tank",          "telephone",  "television",   "tiger",       "tractor",      "train",
    "trout",      "tulip",         "turtle",     "wardrobe",     "whale",       "willow_tree",  "wolf",
    "woman",      "worm"};
static const char *const names20[] = {"aquatic_mammals",
                                      "fish",
                                      "flowers",
                                      "food_containers",
                                      "fruit_and_vegetables",
                                      "household_electrical_devices",
                                      "household_furniture",
                                      "insects",
                                      "large_carnivores",
                                      "large_man-made_outdoor_things",
                                      "large_natural_outdoor_scenes",
                                      "large_omnivores_and_herbivores",
                                      "medium_mammals",
                                      "non-insect_invertebrates",
                                      "people",
                                      "reptiles",
                                      "small_mammals",
                                      "trees",
                                      "vehicles_1",
                                      "vehicles_2"};
_Static_assert(SK_COUNT(names10) == 10 && SK_COUNT(names100) == 100 && SK_COUNT(names20) == 20, "a name a class");

const struct sk_cifar_kind sk_cifar10 = {
    .title = "CIFAR-10",
    .classes = 10,
    .head = 1,
    .batches = 5,
    .published = {10000, 10000},
    .folder = {"cifar-10-batches-bin", "cifar-10-batches-py", "cifar-10-batches-mat"},
    .archive = {"cifar-10-binary.tar.gz", "cifar-10-python.tar.gz", "cifar-10-matlab.tar.gz"},
    .file = {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
              "test_batch.bin", "batches.meta.txt"},
             {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch",
              "batches.meta"},
             {"data_batch_1.mat", "data_batch_2.mat", "data_batch_3.mat", "data_batch_4.mat", "data_batch_5.mat",
              "test_batch.mat", "batches.meta.mat"}},
    .labels = "labels",
    .names = "label_names",
    .class_name = names10,
};

#define CIFAR100(text_names)                                                                                           \
    .title = "CIFAR-100", .head = 2, .batches = 1, .published = {50000, 10000},                                        \
    .folder = {"cifar-100-binary", "cifar-100-python", "cifar-100-matlab"},                                            \
    .archive = {"cifar-100-binary.tar.gz", "cifar-100-python.tar.gz", "cifar-100-matlab.tar.gz"}, .plain = true,       \
    .file = {{"train.bin", [SK_CIFAR_TEST] = "test.bin", [SK_CIFAR_META] = (text_names)},                              \
             {"train", [SK_CIFAR_TEST] = "test", [SK_CIFAR_META] = "meta"},                                            \
             {"train.mat", [SK_CIFAR_TEST] = "test.mat", [SK_CIFAR_META] = "meta.mat"}}

const struct sk_cifar_kind sk_cifar100_fine = {
    CIFAR100("fine_label_names.txt"), .classes = 100, .label = 1, .labels = "fine_labels", .names = "fine_label_names",
    .class_name = names100,
};
const struct sk_cifar_kind sk_cifar100_coarse = {
    CIFAR100("coarse_label_names.txt"), .classes = 20, .label = 0, .labels = "coarse_labels",
    .names = "coarse_label_names", .class_name = names20,
};
