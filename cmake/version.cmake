# Writes OUT, a header with the version and, in a checkout, the commit ("+": with changes);
# touched only when that changed. Run at every build, since commits do not configure.
execute_process(COMMAND git describe --always --dirty=+ --exclude=*
  WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(commit)
  set(commit " (${commit})")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define MASA_VERSION \"${VERSION}${commit}\"\n")
