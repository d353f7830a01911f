// Greets its arguments, or the lines of its standard input if it has none. Without a name it fails.
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  int greeted = 0;
  for (int i = 1; i < argc; i++, greeted++) printf("hello %s\n", argv[i]);
  char line[256];
  while (argc == 1 && fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    printf("hello %s\n", line);
    greeted++;
  }
  if (!greeted) fprintf(stderr, "nobody to greet\n");
  return greeted ? 0 : 1;
}
