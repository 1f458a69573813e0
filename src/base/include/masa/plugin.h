/** Parts of the program that need what a machine may not have, as libraries opened at run time. */
#ifndef MASA_PLUGIN_H
#define MASA_PLUGIN_H

/** Opens `name` (libmasa_cuda.so): beside the program, where it would be installed, or where the
 *  system looks for libraries. A handle for dlsym that stays open; NULL: dlerror tells why. */
void *masa_plugin_open(const char *name);

#endif
