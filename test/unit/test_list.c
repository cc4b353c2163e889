/* list: order, and removal at any time. */
#include "lib/base/list.h"

#include "unit/property.h"

#include <string.h>

struct item {
	int n;
	struct list node;
};

static void make(struct item *v, int n)
{
	for (int i = 0; i < n; i++) {
		v[i].n = i;
		list_init(&v[i].node);
	}
}

/* The numbers in the list, forwards; checks that backwards is the same. */
static const char *order(struct list *head)
{
	static char text[64];
	size_t n = 0;
	struct list *node, *tmp;

	list_each(head, node, tmp) text[n++] = (char)('0' + container_of(node, struct item, node)->n);
	text[n] = '\0';
	for (node = head->prev; node != head; node = node->prev)
		must(text[--n] == '0' + container_of(node, struct item, node)->n, "backwards");
	must(n == 0, "as long backwards");
	return text;
}

START_TEST(ends)
{
	struct item v[4];
	struct list head;

	make(v, 4);
	list_init(&head);
	ck_assert(list_empty(&head));
	ck_assert_str_eq(order(&head), "");
	list_append(&head, &v[1].node);
	ck_assert(!list_empty(&head));
	list_append(&head, &v[2].node);
	list_prepend(&head, &v[0].node);
	list_append(&head, &v[3].node);
	ck_assert_str_eq(order(&head), "0123");
	list_remove(&v[0].node);
	list_remove(&v[2].node);
	ck_assert_str_eq(order(&head), "13");
	list_remove(&v[2].node); /* again */
	ck_assert_str_eq(order(&head), "13");
	ck_assert(list_empty(&v[2].node));
	list_remove(&v[3].node);
	list_prepend(&head, &v[2].node);
	ck_assert_str_eq(order(&head), "21");
	list_remove(&v[1].node);
	list_remove(&v[2].node);
	ck_assert(list_empty(&head));
	list_prepend(&head, &v[3].node);
	ck_assert_str_eq(order(&head), "3");
}
END_TEST

START_TEST(removing_in_the_loop)
{
	struct item v[10];
	struct list head, *node, *tmp;
	int seen = 0;

	make(v, 10);
	list_init(&head);
	for (int i = 0; i < 10; i++)
		list_append(&head, &v[i].node);
	list_each(&head, node, tmp)
	{
		struct item *it = container_of(node, struct item, node);

		ck_assert_int_eq(it->n, seen++);
		list_remove(node);
		memset(it, 0xff, sizeof(*it)); /* gone for good */
	}
	ck_assert_int_eq(seen, 10);
	ck_assert(list_empty(&head));
}
END_TEST

/* Random steps against an array. */
START_TEST(model)
{
	struct item v[10];
	struct list head;
	char want[16] = "";

	make(v, 10);
	list_init(&head);
	for (int i = 0; i < 20000; i++) {
		unsigned n = rnd(10);
		char digit[2] = { (char)('0' + n), '\0' }, *at = strchr(want, digit[0]);

		if (at || rnd(10) == 0) {
			list_remove(&v[n].node);
			if (at)
				memmove(at, at + 1, strlen(at));
		} else if (rnd(2)) {
			list_append(&head, &v[n].node);
			strcat(want, digit);
		} else {
			list_prepend(&head, &v[n].node);
			memmove(want + 1, want, strlen(want) + 1);
			want[0] = digit[0];
		}
		must(strcmp(order(&head), want) == 0, want);
		must(list_empty(&head) == !*want, "empty");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("list");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, ends);
	tcase_add_test(t, removing_in_the_loop);
	tcase_add_test(t, model);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
