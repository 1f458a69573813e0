/* Problem files: whatever the bytes, either problems with texts or an error with a line. */
#include <masa/problems.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    masa_problems problems = {0};
    masa_error err = {0};
    masa_status st =
        masa_problems_parse(&problems, (const char *)data, size, "fuzz", NULL, 0, &err);
    if (st == MASA_OK && (problems.n == 0 || !problems.items[0].problem[0])) abort();
    if (st != MASA_OK && (problems.n != 0 || err.message[0] == '\0')) abort();
    masa_problems_deinit(&problems);
    return 0;
}
