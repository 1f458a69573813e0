# The parts and the flags that all of them share.

add_library(masa_flags INTERFACE)
target_compile_options(masa_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Werror=implicit-function-declaration -fno-math-errno -ffp-contract=off
  -fno-omit-frame-pointer -fno-semantic-interposition)
target_compile_definitions(masa_flags INTERFACE _GNU_SOURCE)
target_link_libraries(masa_flags INTERFACE m)
if(MASA_SANITIZE)
  set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_compile_options(masa_flags INTERFACE ${sanitizers})
  target_link_options(masa_flags INTERFACE ${sanitizers})
  find_program(MASA_LLD ld.lld) # where there is none, 190 programs are linked in four times the time
  if(MASA_LLD)
    target_link_options(masa_flags INTERFACE -fuse-ld=lld)
  endif()
endif()
if(MASA_COVERAGE)
  # Counts need not be exact: threads that share a counter would take most of the time.
  target_compile_options(masa_flags INTERFACE --coverage -fprofile-update=single)
  target_link_options(masa_flags INTERFACE --coverage)
endif()
if(MASA_FUZZ)
  # Sanitized loops do not vectorise, which clang would warn of.
  target_compile_options(masa_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=all -Wno-pass-failed)
  target_link_options(masa_flags INTERFACE -fsanitize=address,undefined)
endif()

if(MASA_SANITIZE OR MASA_COVERAGE OR MASA_FUZZ)
  # What is checked runs its assertions, whatever the build type says before.
  target_compile_options(masa_flags INTERFACE -UNDEBUG)
  target_compile_definitions(masa_flags INTERFACE MASA_CHECKED)
endif()

# masa_part(NAME [DEPS part...] [LIBS library...])
# A static library of the .c files here. Its public headers are in include/.
# Dependencies are private: a part sees only the headers of the parts it names,
# so an include that the folder map does not allow fails to compile.
function(masa_part name)
  cmake_parse_arguments(P "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  if(NOT sources)
    add_library(masa_${name} INTERFACE)
    target_include_directories(masa_${name} INTERFACE include)
    return()
  endif()
  add_library(masa_${name} STATIC ${sources})
  target_include_directories(masa_${name} PUBLIC include PRIVATE .)
  target_link_libraries(masa_${name} PRIVATE masa_flags ${P_LIBS})
  foreach(dep IN LISTS P_DEPS)
    target_link_libraries(masa_${name} PRIVATE masa_${dep})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY MASA_PARTS masa_${name})
endfunction()

# masa_c_string(OUT FILE): the text of a file as a C string, in the caller's variable OUT.
function(masa_c_string out file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "\n" "\\n\"\n     \"" text "${text}")
  set(${out} "\"${text}\"" PARENT_SCOPE)
endfunction()

# masa_generate(FILE TEXT): writes a source file, unless it holds that text already.
function(masa_generate file text)
  file(WRITE ${file}.new "${text}")
  file(COPY_FILE ${file}.new ${file} ONLY_IF_DIFFERENT)
endfunction()
