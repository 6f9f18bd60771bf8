/* The program's entry. */
#include <stdio.h>

int main(void)
{
    printf("skua %s\n", SKUA_VERSION);
    return 0;
}
