import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { runToEnd } from '../process.ts'

/*
 * Which processes belong to the server of a data directory. Postgres puts each of its children in a session of its own, so
 * that signalling the postmaster's group reaches none of them; and a container's root may not read another account's
 * working directory. What everybody may read is the command line: the postmaster's names the directory, its children's
 * title begins with the cluster name, which Aval derives from the directory.
 */

export interface ServerProcess {
  pid: number
  role: 'postmaster' | 'child'
}

/** The cluster name of a data directory: stable, short, and without the path. */
export function clusterName(dataDirectory: string): string {
  return `aval-${createHash('sha256').update(realPath(dataDirectory)).digest('hex').slice(0, 12)}`
}

/** Every running process of the server of a data directory, the postmaster first; none when it is down. */
export async function serverProcesses(dataDirectory: string): Promise<ServerProcess[]> {
  const directory = realPath(dataDirectory)
  const title = `postgres: ${clusterName(dataDirectory)}: `
  const found = (await commandLines()).flatMap<ServerProcess>(({ pid, command, parts }) => {
    if (command.startsWith(title)) return [{ pid, role: 'child' }]
    const [program = '', ...rest] = parts
    if (!/(^|\/)(postgres|postmaster)$/.test(program)) return []
    const named = rest.some((part, index) => part === '-D' && realPath(rest[index + 1] ?? '') === directory)
    return named ? [{ pid, role: 'postmaster' }] : []
  })
  return found.sort((one, other) =>
    one.role === other.role ? one.pid - other.pid : one.role === 'postmaster' ? -1 : 1,
  )
}

interface CommandLine {
  pid: number
  command: string
  parts: string[]
}

async function commandLines(): Promise<CommandLine[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await runToEnd({ program: 'ps', args: ['-axww', '-o', 'pid=,command='] })
    return stdout.split('\n').flatMap((line) => {
      const match = /^\s*(\d+) (.*)$/.exec(line)
      if (match === null) return []
      const command = match[2] ?? ''
      // `ps` does not say where an argument ends; a directory may hold spaces and is followed by an option or nothing.
      const [, program = command, directory] = /^(.+?) -D (.+?)(?: -\w .*)?$/.exec(command) ?? []
      return [
        { pid: Number(match[1]), command, parts: directory === undefined ? [program] : [program, '-D', directory] },
      ]
    })
  }
  const lines = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const text = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
        return { pid: Number(name), command: text, parts: text.split('\0') }
      }),
  )
  return lines.filter(({ command }) => command !== '')
}

function realPath(directory: string): string {
  try {
    return realpathSync(directory)
  } catch {
    // Not made yet: it will have the same name then.
    const parent = dirname(directory)
    return parent === directory ? directory : join(realPath(parent), basename(directory))
  }
}
