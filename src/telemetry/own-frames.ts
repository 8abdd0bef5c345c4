import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A place in a file of our own. */
export interface Frame {
  /** Relative to the service's root, with `/`. */
  file: string
  line: number
  column: number
  /** Left out for code outside of a function. */
  function: string | undefined
}

const call =
  /^ {4}at (?:async )?(?:new )?(?:(?<name>[\w$.<>]{1,80})(?: \[as [\w$]{1,80}\])? \()?(?<file>(?:file:\/\/)?\/[^():]+):(?<line>\d+):(?<column>\d+)\)?$/

/**
 * The frames of an error that lie in files below `root`, outermost last; those of packages and of Node are left out. The stack
 * of an error begins with its message, which may hold anything, frames included: where the message is not what the stack begins
 * with, there are no frames.
 */
export function ownFrames(error: Error, root: string): Frame[] {
  return linesAfterMessage(error).flatMap((line) => {
    const groups = call.exec(line)?.groups
    if (groups?.['file'] === undefined) return []
    const path = groups['file'].startsWith('file://') ? fileURLToPath(groups['file']) : groups['file']
    const file = relative(root, path).replaceAll('\\', '/')
    if (file.startsWith('..') || file.startsWith('/') || /(^|\/)node_modules\//.test(file)) return []
    return [
      { file, line: Number(groups['line']), column: Number(groups['column']), function: functionName(groups['name']) },
    ]
  })
}

/** Names that a program makes up while it runs may hold data; those of our source look like this. */
function functionName(name: string | undefined): string | undefined {
  return name !== undefined && /^[A-Za-z_$<][\w$.>]*$/.test(name) ? name : undefined
}

function linesAfterMessage({ stack, message }: Error): string[] {
  if (typeof stack !== 'string' || typeof message !== 'string') return []
  // `TypeError: `, and `TypeError [ERR_INVALID_URL]: ` where Node names a code.
  const title = /^[A-Za-z_$][\w$]*(?: \[[A-Z0-9_]+\])?(?:: )?/.exec(stack)?.[0] ?? ''
  if (!stack.startsWith(message, title.length)) return []
  const rest = stack.slice(title.length + message.length)
  return rest.startsWith('\n') ? rest.slice(1).split('\n') : []
}
