/* pbctl/rates: what lies between two answers of stats. */
#include "cmd/pbctl/rates.c"
#include "cmd/pbctl/answer.c"
#include "cmd/pbctl/tree.c"

#include <check.h>
#include <stdlib.h>

static void stats(struct answer *a, const char *mx, const char *box)
{
	struct err e = { "" };
	struct buf b;

	buf_init(&b, 1 << 20);
	ck_assert_int_eq(buf_addf(&b,
				  "<response><status>ok</status><version>1</version><uptime_s>5</uptime_s>"
				  "<workers total=\"1\"><worker><slot>0</slot><pid>10</pid><role>worker</role>"
				  "<restarts>2</restarts><sessions>3</sessions></worker></workers>"
				  "<processes total=\"2\"><process><slot>64</slot><pid>11</pid><role>admin</role>"
				  "</process><process><slot>65</slot><pid>0</pid><role></role></process></processes>"
				  "<clusters total=\"2\"><cluster><clusterid>MX</clusterid><type>smtp</type>%s"
				  "<boxes total=\"1\"><box><boxid>M1</boxid><light>green</light>%s</box></boxes>"
				  "</cluster><cluster><clusterid>POP</clusterid><boxes total=\"0\"></boxes></cluster>"
				  "</clusters></response>",
				  mx, box),
			 0);
	ck_assert_msg(answer_parse(&b, a, &e) == 0, "%s", e.text);
}

static const char *cell(const struct answer *a, const char *path, const char *tag)
{
	static char text[64];

	str_copy(text, sizeof(text), node_text(node_each(a->root, path, NULL), tag));
	return text;
}

START_TEST(between)
{
	struct answer before, now, r;

	stats(&before, "<sessions>1</sessions><mails>100</mails><bytes_in>0</bytes_in><refused_box>1</refused_box>",
	      "<mails>10</mails><bytes>1000</bytes><failures>5</failures>");
	stats(&now,
	      "<sessions>7</sessions><mails>125</mails><bytes_in>5000000</bytes_in><refused_box>2</refused_box>"
	      "<refused_syntax>2</refused_syntax>",
	      "<mails>20</mails><bytes>1500</bytes><failures>2</failures><last_failure>x</last_failure>");
	rates_between(&before, &now, 2000, &r);
	ck_assert(r.ok);
	ck_assert_str_eq(cell(&r, "clusters/cluster", "clusterid"), "MX");
	ck_assert_str_eq(cell(&r, "clusters/cluster", "sessions"), "7");
	ck_assert_str_eq(cell(&r, "clusters/cluster", "mails_per_s"), "12.5");
	ck_assert_str_eq(cell(&r, "clusters/cluster", "in_kb_per_s"), "2500.0");
	ck_assert_str_eq(cell(&r, "clusters/cluster", "refused_per_s"), "1.5"); /* of all causes */
	ck_assert_str_eq(cell(&r, "boxes/box", "clusterid"), "MX");
	ck_assert_str_eq(cell(&r, "boxes/box", "mails_per_s"), "5.0");
	ck_assert_str_eq(cell(&r, "boxes/box", "kb_per_s"), "0.2");
	ck_assert_str_eq(cell(&r, "boxes/box", "failures_per_s"), "0.0"); /* a new start */
	ck_assert_str_eq(cell(&r, "boxes/box", "last_failure"), "x");
	ck_assert_int_eq(node_child(r.root, STR("clusters"))->total, 2);
	ck_assert_int_eq(node_child(r.root, STR("boxes"))->total, 1);
	ck_assert_int_eq(node_child(r.root, STR("processes"))->total, 2);
	ck_assert_str_eq(cell(&r, "processes/process", "restarts"), "2");
	answer_free(&before);
	answer_free(&now);
	answer_free(&r);
}
END_TEST

START_TEST(nothing_before)
{
	struct answer now, r;

	stats(&now, "<mails>100</mails>", "<mails>10</mails>");
	rates_between(NULL, &now, 1, &r);
	ck_assert_ptr_null(node_child(node_each(r.root, "clusters/cluster", NULL), STR("mails_per_s")));
	ck_assert_str_eq(cell(&r, "boxes/box", "boxid"), "M1");
	answer_free(&now);
	answer_free(&r);
}
END_TEST

/* A cluster that was not there before has made no difference yet. */
START_TEST(new_row)
{
	struct answer before, now, r;
	const struct node *pop = NULL;

	stats(&before, "", "");
	stats(&now, "<mails>9</mails>", "");
	((struct node *)(uintptr_t)node_child(node_each(before.root, "clusters/cluster", NULL),
					      STR("clusterid")))
		->text = STR("OTHER");
	rates_between(&before, &now, 1000, &r);
	pop = node_each(r.root, "clusters/cluster", NULL);
	ck_assert(str_eq(node_text(pop, "mails_per_s"), STR("0.0")));
	answer_free(&before);
	answer_free(&now);
	answer_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_rates");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_test(t, between);
	tcase_add_test(t, nothing_before);
	tcase_add_test(t, new_row);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
