import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { isTest, packageOf, top, type SourceFile } from './source-files.ts'

/** Finds exported symbols without a doc comment, and links in the documents that lead nowhere. */
export function checkDocs(files: readonly SourceFile[]): string[] {
  const shipped = files.filter((file) => packageOf(file.path) !== undefined && !isTest(file.path))
  return [...shipped.flatMap(undocumented), ...documents().flatMap(deadLinks)]
}

function undocumented(file: SourceFile): string[] {
  const { program, comments } = parseSync(file.path, file.text)
  return program.body.flatMap((node) => {
    if (node.type !== 'ExportNamedDeclaration' || !node.declaration) return []
    const documented = comments.some(
      (comment) =>
        comment.type === 'Block' &&
        comment.value.startsWith('*') &&
        comment.end <= node.start &&
        file.text.slice(comment.end, node.start).trim() === '',
    )
    if (documented) return []
    const { declaration } = node
    // Overload signatures share the comment of the first one.
    if (declaration.type === 'TSDeclareFunction') return []
    const line = file.text.slice(0, node.start).split('\n').length
    return [`${file.path}:${line}: an exported symbol has no doc comment`]
  })
}

function documents(): string[] {
  return globSync(['*.md', 'docs/*.md', 'decisions/*.md', 'packages/*/*.md', 'examples/**/*.md'], { cwd: top }).filter(
    (path) => !path.includes('node_modules'),
  )
}

function deadLinks(path: string): string[] {
  const text = readFileSync(join(top, path), 'utf8')
  return [...text.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].flatMap(([, target = '']) =>
    /^[a-z]+:/.test(target) || existsSync(join(top, dirname(path), target))
      ? []
      : [`${path}: link to "${target}" leads nowhere`],
  )
}
