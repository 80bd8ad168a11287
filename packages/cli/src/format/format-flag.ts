import type { Flag } from '../flags/flag.ts'
import { text } from '../flags/flag.ts'

/** `--format` of a list. */
export function listFormat(): Flag<string | undefined> {
  return text(
    "Format output using a custom template:\n'table':            Print output in table format with column headers (default)\n'table TEMPLATE':   Print output in table format using the given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template",
  )
}

/** `--format` of one value. */
export function valueFormat(): Flag<string | undefined> {
  return text(
    "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template",
    { short: 'f' },
  )
}

/** What of Go's template language `--format` takes; shown by the help of the commands that have it. */
export const templateDetails: string = `
Templates are those of Go's text/template: {{.Field.Inner}}, {{json .}}, {{index .Map "key"}},
{{range .List}}..{{else}}..{{end}}, {{range $key, $value := .Map}}, {{if eq .A "b"}}..{{else if ..}}..{{end}},
{{with .A}}..{{end}}, variables, pipelines, {{- trimming -}}, {{/* comments */}}; functions and or not eq ne lt
le gt ge len index slice print printf println json join split lower upper title pad truncate.`
