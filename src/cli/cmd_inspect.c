/* masa inspect: finds out what a path holds and says so. */
#include "commands.h"
#include "inspect.h"
#include "options.h"

#include <masa/file.h>

masa_status cli_inspect(int argc, char **argv, masa_error *err)
{
    bool helped;
    cli_inspect_options o = {0};
    const cli_option options[] = {
        CLI_FLAG("json", 'j', &o.json, "write JSON Lines"),
        CLI_FLAG("tensors", 't', &o.tensors,
                 "of a model: read every tensor and show its shape, type and range"),
        CLI_END,
    };
    const cli_usage usage = {"inspect",
                             "[OPTIONS] PATH",
                             "Shows what a model is: its shape, sizes and types.",
                             "PATH is a GGUF file or a Hugging Face folder. The tensors' "
                             "names are Hugging Face's\n"
                             "in both. Example: masa inspect --tensors model.gguf",
                             1,
                             1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    if (masa_path_exists(argv[0]) && !cli_is_model(argv[0]))
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "%s is neither a GGUF file nor a folder with a config.json",
                         argv[0]);
    return cli_inspect_model(argv[0], &o, err);
}
