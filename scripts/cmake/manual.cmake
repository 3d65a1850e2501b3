# The manual: man pages, and where doxygen is installed the HTML reference. scripts/manual/ writes both from wsrs.h.
# Without Python 3 neither is built, and nothing else needs it.
find_package(Python3 3.7 COMPONENTS Interpreter)
find_program(DOXYGEN doxygen DOC "doxygen, for the HTML reference")
if(NOT Python3_Interpreter_FOUND)
    message(STATUS "No manual is built: Python 3 was not found")
    return()
endif()

set(manual "${CMAKE_BINARY_DIR}/manual")
set(sources "${CMAKE_SOURCE_DIR}/scripts/manual")
set(header "${CMAKE_SOURCE_DIR}/include/wsrs.h")
set(samples "${CMAKE_SOURCE_DIR}/docs/samples")
set(guide "${CMAKE_SOURCE_DIR}/docs/guide.md")
file(GLOB depends CONFIGURE_DEPENDS "${sources}/*" "${samples}/*.c")
list(APPEND depends "${header}" "${guide}")

# write_manual(WHAT SCRIPT ARGUMENT…): the target WHAT, part of all.
function(write_manual what script)
    add_custom_command(OUTPUT "${manual}/${what}.stamp" DEPENDS ${depends} VERBATIM
        COMMAND ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1 "${Python3_EXECUTABLE}" "${sources}/${script}" ${ARGN}
        COMMAND ${CMAKE_COMMAND} -E touch "${manual}/${what}.stamp"
        COMMENT "manual: ${what}")
    add_custom_target(manual_${what} ALL DEPENDS "${manual}/${what}.stamp")
endfunction()

write_manual(man man.py "${header}" "${samples}" "${manual}/man")
install(DIRECTORY "${manual}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}")
if(DOXYGEN)
    write_manual(html reference.py "${header}" "${samples}" "${guide}" "${manual}/reference" "${DOXYGEN}")
    install(DIRECTORY "${manual}/reference/html" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
else()
    message(STATUS "No HTML reference is built: doxygen was not found")
endif()
