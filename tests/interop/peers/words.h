/* Words of the language of ends.py: hexadecimal payloads and the ends of lines. Used by the ends written in C. */
#ifndef WORDS_H
#define WORDS_H

#include <stdio.h>
#include <string.h>

static void end_line(void)
{
    putchar('\n');
    fflush(stdout);
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The bytes that a word stands for, in the word's own place. */
static size_t unhex(char *word)
{
    size_t len = 0;
    if (strcmp(word, "-") == 0)
        return 0;
    for (const char *at = word; at[0] != '\0'; at += 2)
        word[len++] = (char)(digit(at[0]) << 4 | digit(at[1]));
    return len;
}

#endif
