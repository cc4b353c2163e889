/* The script for bash. Readline breaks words at = : and @, and puts a completion in the
 * place of what stands behind the last of them only. */
#include "cmd/pbctl/complete.h"
#include "cmd/pbctl/verbs.h"

static const char script[] = "# bash completion for pbctl\n"
			     "_pbctl()\n"
			     "{\n"
			     "\tlocal line=${COMP_LINE:0:COMP_POINT} words word current\n"
			     "\tread -ra words <<<\"$line\"\n"
			     "\t[[ $line == *[[:blank:]] ]] && words+=('')\n"
			     "\tcurrent=${words[${#words[@]} - 1]}\n"
			     "\tCOMPREPLY=()\n"
			     "\twhile IFS= read -r word; do\n"
			     "\t\tCOMPREPLY+=(\"${word#\"${current%\"${current##*[=:@]}\"}\"}\")\n"
			     "\tdone < <(\"${words[0]}\" completion words -- \"${words[@]:1}\" 2>/dev/null)\n"
			     "\t[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
			     "\treturn 0\n"
			     "}\n"
			     "complete -o default -F _pbctl pbctl\n";

void complete_bash(FILE *out)
{
	fputs(script, out);
}

int verb_completion(struct ctl *c, struct call_words *w, struct err *e)
{
	if (strcmp(w->word, "bash") != 0)
		return err_set(e, "completion: there is one for bash, none for \"%s\"", w->word);
	complete_bash(c->out);
	return EXIT_DONE;
}
