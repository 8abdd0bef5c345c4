import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'

/** Programs that run with what the peers bring, which the types of this tree do not know. */
export const programs = join(import.meta.dirname, 'programs')

export interface Peers {
  version(name: string): string
  /** A file of a package, by its path from `node_modules`. */
  file(path: string): string
}

/**
 * Installs the peers by their lock into a folder of their own, unless they are there. Of their install scripts only that of SQLite runs,
 * which is compiled for this Node where nobody offers it ready.
 */
export function installPeers(): Peers {
  const modules = join(import.meta.dirname, 'node_modules')
  const built = join(modules, 'better-sqlite3/build/Release/better_sqlite3.node')
  if (!existsSync(built)) {
    console.log('Installing the peers; this takes a few minutes, once.')
    npm('ci', '--ignore-scripts', '--no-audit', '--no-fund')
    npm('rebuild', 'better-sqlite3')
  }
  return {
    version: (name) =>
      z.object({ version: z.string() }).parse(JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')))
        .version,
    file: (path) => join(modules, path),
  }
}

function npm(...args: string[]): void {
  const node = dirname(dirname(process.execPath))
  // Headers that came with this Node; without them they are downloaded.
  const headers = existsSync(join(node, 'include/node/node_version.h')) ? { npm_config_nodedir: node } : {}
  const { status, stderr } = spawnSync('npm', args, {
    cwd: import.meta.dirname,
    env: { ...process.env, ...headers },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}: ${stderr}`)
}
