import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The folder of a system, for rules that ask whether what a plan names is there. Paths are relative to the plan. */
export interface SystemFolder {
  hasFile(path: string): boolean
  hasFolder(path: string): boolean
  /** Names in a folder, sorted; none when it is not there. */
  list(path: string): string[]
  /** Paths of all files below a folder, relative to it, sorted; none when it is not there. */
  files(path: string): string[]
  /** What a file holds; empty when it is not there. */
  text(path: string): string
}

export function systemFolder(directory: string): SystemFolder {
  const at = (path: string) => resolve(directory, path)
  const is = (path: string, what: 'isFile' | 'isDirectory') => existsSync(at(path)) && statSync(at(path))[what]()
  return {
    text: (path) => (is(path, 'isFile') ? readFileSync(at(path), 'utf8') : ''),
    hasFile: (path) => is(path, 'isFile'),
    hasFolder: (path) => is(path, 'isDirectory'),
    list: (path) => (is(path, 'isDirectory') ? readdirSync(at(path)).sort() : []),
    files: (path) => {
      if (!is(path, 'isDirectory')) return []
      return readdirSync(at(path), { recursive: true, encoding: 'utf8' })
        .filter((name) => is(join(path, name), 'isFile'))
        .sort()
    },
  }
}
