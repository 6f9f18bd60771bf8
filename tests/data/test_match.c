/* Classes matched by name: order, parts, names that come again, and a class that is not known. */
#include "data/match.h"
#include "test.h"

#include <string.h>

static struct sk_err err;

#define NAMES(...)                                                                                                     \
    {                                                                                                                  \
        (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                \
    }

static void assert_match(struct sk_names from, struct sk_names to, const int *expected)
{
    int map[16];
    assert_ok(sk_classes_match(map, &from, &to, &err), err);
    for (int i = 0; i < from.count; i++)
        assert_int_equal(map[i], expected[i]);
}

static void by_name(void **state)
{
    (void)state;
    struct sk_names four = NAMES("bird", "cat", "dog", "fish"), two = NAMES("cat", "dog");
    struct sk_names turned = NAMES("fish", "dog", "cat", "bird");
    assert_match(two, four, (int[]){1, 2});
    assert_match(turned, four, (int[]){3, 2, 1, 0});
    assert_match(four, four, (int[]){0, 1, 2, 3});
}

/* ImageNet has two cranes: the bird and the machine. In shards the second is called "crane (NUMBER)". */
static void names_that_come_again(void **state)
{
    (void)state;
    struct sk_names network = NAMES("bird", "crane", "dog", "crane");
    struct sk_names shards = NAMES("bird", "crane", "dog", "crane (3)");
    assert_match(network, network, (int[]){0, 1, 2, 3});
    assert_match(shards, network, (int[]){0, 1, 2, 3});
    assert_match(network, shards, (int[]){0, 1, 2, 3});
    struct sk_names cranes = NAMES("crane", "crane");
    assert_match(cranes, network, (int[]){1, 3});
}

static void unknown(void **state)
{
    (void)state;
    struct sk_names network = NAMES("bird", "cat", "crane"), other = NAMES("cat", "walrus"), birds = NAMES("birds");
    struct sk_names thrice = NAMES("cat", "cat");
    int map[4];
    assert_error(sk_classes_match(map, &other, &network, &err), SK_INPUT, err,
                 "the data has a class 'walrus' that the network does not know; its classes: bird, cat, crane");
    sk_err_clear(&err);
    assert_error(sk_classes_match(map, &birds, &network, &err), SK_INPUT, err, "(did you mean 'bird'?)");
    sk_err_clear(&err);
    assert_error(sk_classes_match(map, &thrice, &network, &err), SK_INPUT, err, "a class 'cat' that");
    sk_err_clear(&err);
    struct sk_names many = NAMES("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k");
    assert_error(sk_classes_match(map, &other, &many, &err), SK_INPUT, err,
                 "its classes: a, b, c, d, e, f, g, h and 3 more");
    sk_err_clear(&err);
}

static void numbered(void **state)
{
    (void)state;
    assert_true(sk_classes_numbered((const char *const[]){"0", "1", "2"}, 0, 3));
    assert_false(sk_classes_numbered((const char *const[]){"0", "2", "1"}, 0, 3));
    assert_false(sk_classes_numbered((const char *const[]){"cat", "1", "2"}, 0, 3));
    assert_true(sk_classes_numbered((const char *const[]){"cat", "1", "2"}, 1, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name),
        cmocka_unit_test(names_that_come_again),
        cmocka_unit_test(unknown),
        cmocka_unit_test(numbered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
