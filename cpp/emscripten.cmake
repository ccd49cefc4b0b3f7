# Finds Emscripten's own toolchain file, wherever it is installed. (The presets also set NODE_PATH: Debian's Emscripten
# links only if `node` finds Debian's acorn, which a Node from elsewhere does not by itself.)
execute_process(COMMAND em-config EMSCRIPTEN_ROOT OUTPUT_VARIABLE emscripten_root OUTPUT_STRIP_TRAILING_WHITESPACE
                RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "em-config is not in the path: install Emscripten (Debian and Ubuntu: apt-get install emscripten)")
endif()
include(${emscripten_root}/cmake/Modules/Platform/Emscripten.cmake)
