/* Stands before C samples of the documents that are statements only: what they take for granted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsrs.h>

extern wsrs_context context;
extern wsrs_listener listener;
extern wsrs_conn conn;
extern wsrs_tls tls;
extern wsrs_result result;

void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data);
void on_open(wsrs_conn conn, void *user_data);
void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data);
void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data);
void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data);
void on_drain(wsrs_conn conn, void *user_data);
