/* Files over HTTP: the console's pages, and the account files of who is admitted. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/head.h"
#include "admin/server_inner.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"

void request_choose_page(struct request *q, const char *path, const char *method)
{
	const struct web_file *f = web_find(str_z(path));

	if (!f) {
		request_refuse(q, 404, "not_found", "there is nothing at this path; requests go to /xml");
	} else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		q->allow = "GET, HEAD";
		request_refuse(q, 405, "method_not_allowed", "this method is not allowed here");
	} else {
		q->r.what = SERVER_FILE;
		q->file = f;
	}
}

/* What a page of ours may do, and that it is asked for anew each time: it costs a few bytes. */
void request_answer_page(struct request *q)
{
	const struct web_file *f = q->file;
	bool known = web_is_known(f, head_value(q->mhd, "If-None-Match"));
	struct MHD_Response *r;

	r = MHD_create_response_from_buffer(known ? 0 : f->n, (void *)(uintptr_t)f->content,
					    MHD_RESPMEM_PERSISTENT);
	q->answered = true;
	q->http = known ? 304 : 200;
	q->answer_n = known ? 0 : f->n;
	q->response = r;
	if (!r)
		return;
	(void)MHD_add_response_header(r, "Content-Type", web_type(f));
	(void)MHD_add_response_header(r, "ETag", f->etag);
	(void)MHD_add_response_header(r, "Cache-Control", "no-cache");
	(void)MHD_add_response_header(r, "Content-Security-Policy", WEB_POLICY);
	(void)MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
}

/* The reason is the log's business. */
static void unwritable(struct request *q, const struct err *e)
{
	log_warning("http: %s", e->text);
	request_refuse(q, 503, "unwritable_file", "the file cannot be written; the error log says why");
}

static const char *const file_names[] = { "email.csv", "alias.csv" };

void server_clean_uploads(const char *dir)
{
	for (size_t i = 0; i < ARRAY_LEN(file_names); i++)
		upload_clean(dir, file_names[i]);
}

static void begin_upload(struct request *q)
{
	struct err e = { "there is no directory for files" };
	int rc = q->server->c.files ? upload_begin(q->upload, q->server->c.files, q->r.file, &e) : -1;

	if (rc < 0)
		unwritable(q, &e);
	else if (rc > 0)
		request_refuse(q, 503, "busy", "another upload of this file is under way");
}

void request_choose_upload(struct request *q, const char *path, const char *method, uint64_t size)
{
	struct server *s = q->server;

	q->r.file = file_names[strcmp(path, "/files/email.csv") != 0];
	if (!q->r.local && !(s->c.admits && s->c.admits(s->c.arg, &q->r))) {
		request_refuse(q, 403, "wrong_session",
			       "files are for those who have logged in at the console");
		q->last = true; /* what it sends is not read */
		return;
	}
	if (strcmp(method, "PUT") != 0)
		return;
	q->r.what = SERVER_UPLOADED;
	q->upload = mem_zalloc(sizeof(*q->upload));
	q->upload->fd = -1;
	if (size > LIMIT_CSV_FILE)
		request_refuse(q, 413, "too_large", "the file is larger than 536870912 bytes");
	else
		begin_upload(q);
}

void request_take_upload(struct request *q, struct str piece)
{
	struct err e;

	if (upload_more(q->upload, piece, LIMIT_CSV_FILE, &e) < 0)
		unwritable(q, &e);
}

/* The file as it stands now. */
void request_answer_download(struct request *q)
{
	char path[4096];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s",
		 q->server->c.files ? q->server->c.files : "", q->r.file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0) {
		if (fd >= 0)
			close(fd);
		request_refuse(q, 404, "not_found", "there is no such file yet: vacuum writes it");
		return;
	}
	q->response = MHD_create_response_from_fd((size_t)st.st_size, fd);
	q->answered = true;
	q->http = 200;
	q->answer_n = (size_t)st.st_size;
	if (!q->response)
		return;
	(void)MHD_add_response_header(q->response, "Content-Type", "text/plain; charset=utf-8");
	(void)MHD_add_response_header(q->response, "Content-Disposition", "attachment");
	(void)MHD_add_response_header(q->response, "Cache-Control", "no-store");
	(void)MHD_add_response_header(q->response, "X-Content-Type-Options", "nosniff");
}

void request_end_upload(struct request *q)
{
	struct err e;

	q->r.file_bytes = q->upload->bytes;
	if (upload_end(q->upload, &e) < 0)
		unwritable(q, &e);
}

void request_drop_upload(struct request *q)
{
	if (q->upload)
		upload_drop(q->upload);
	free(q->upload);
	q->upload = NULL;
}
