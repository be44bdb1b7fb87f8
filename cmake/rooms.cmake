# check_includes(TARGET FOLDER DEPS folder...): the build of the target fails where a file of the folder includes a header that is neither its
# own, nor of include/gradc, nor of DEPS.
function(check_includes target room)
  cmake_parse_arguments(PARSE_ARGV 2 room "" "" "DEPS")
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(room STREQUAL "backends")  # whose folders are rooms of their own
    list(FILTER files EXCLUDE REGEX "/backends/[^/]*/")
  endif()
  set(checked ${CMAKE_CURRENT_BINARY_DIR}/includes_checked)
  set(includable ${room} include/gradc ${room_DEPS})
  set(script ${CMAKE_SOURCE_DIR}/cmake/check_includes.cmake)
  add_custom_command(OUTPUT ${checked}
    COMMAND ${CMAKE_COMMAND} "-DROOM=${room}" "-DINCLUDABLE=${includable}" "-DFILES=${files}" -DSTAMP=${checked} -P ${script}
    DEPENDS ${files} ${script} VERBATIM)
  target_sources(${target} PRIVATE ${checked})
endfunction()

# gradc_room(FOLDER SOURCES file... [DEPS folder...] [LIBRARIES target...] [LIGHTLY] [OWN_HEADERS header...]): the library of a folder,
# gradc_FOLDER with _ for each /, which the shared library is made of. LIGHTLY: code that no step waits for. OWN_HEADERS are compiled once for
# this folder, instead of those that most have in common.
function(gradc_room room)
  cmake_parse_arguments(PARSE_ARGV 1 room "LIGHTLY" "" "SOURCES;DEPS;LIBRARIES;OWN_HEADERS")
  string(REPLACE / _ target gradc_${room})
  set_property(GLOBAL APPEND PROPERTY GRADC_ROOMS ${room})
  add_library(${target} OBJECT ${room_SOURCES})
  check_includes(${target} ${room} DEPS ${room_DEPS})
  list(TRANSFORM room_DEPS REPLACE / _)
  list(TRANSFORM room_DEPS PREPEND gradc_)
  target_link_libraries(${target} PUBLIC gradc_options ${room_DEPS} ${room_LIBRARIES})
  set_property(TARGET ${target} PROPERTY ROOM_LIBRARIES ${room_LIBRARIES})
  if(room_LIGHTLY)
    optimize_lightly(${target})
  endif()
  if(room_OWN_HEADERS)
    target_precompile_headers(${target} PRIVATE ${room_OWN_HEADERS})
  elseif(room_LIGHTLY)
    target_precompile_headers(${target} REUSE_FROM gradc_headers_with_json)
  else()
    target_precompile_headers(${target} REUSE_FROM gradc_headers)
  endif()
endfunction()
