import { posix } from 'node:path'

/** The target of a link at one path of a project to another. */
export function relativeLink(from: string, to: string): string {
  return posix.relative(posix.dirname(`/${from}`), `/${to}`) || '.'
}

/** Orders what has a path by it. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}

/** Whether a name is one that a package of a registry may have. */
export function isPackageName(name: string): boolean {
  return /^(?:@[a-z0-9~_-][a-z0-9._~-]*\/)?[a-z0-9~_-][a-z0-9._~-]*$/i.test(name) && name.length <= 214
}

/** Whether a path stays in the project: relative, without `.` and `..`. */
export function isInnerPath(path: string): boolean {
  return (
    path.split('/').every((element) => element !== '' && element !== '.' && element !== '..') && !/[\\\0]/.test(path)
  )
}
