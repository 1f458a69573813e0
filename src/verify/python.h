/* The programs of python/, as the build put them into this one. */
#ifndef MASA_VERIFY_PYTHON_H
#define MASA_VERIFY_PYTHON_H

extern const char python_judge[], python_worker[];

#endif
