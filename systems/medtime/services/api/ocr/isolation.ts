import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/*
 * How the process that reads an image is shut in (BACKEND-ARCH-001 §5.4.1). Three walls, one behind the other:
 *
 * 1. The image is unpacked and read by WebAssembly, which sees no memory but its own and has no way to the system.
 * 2. Node's permission model: reading the files listed here, and nothing else. No writing, network, children, workers, addons,
 *    inspector or WASI; no code made from texts; no environment.
 * 3. Limits of the kernel, which Node cannot lift: no file grows by a byte, no core dump, bounded memory and time, few files open.
 */

const require = createRequire(import.meta.url)
const here = import.meta.dirname

/** Where a package is found; in some installations that is a link, which the process follows without looking where to. */
function folderOf(name: string): string {
  const folders = (require.resolve.paths(name) ?? []).map((folder) => join(folder, name))
  const found = folders.find((folder) => existsSync(folder))
  if (found === undefined) throw new Error('a package of the recogniser is not installed')
  return join(found, '/')
}

const client = fileURLToPath(new URL('../../../client/', import.meta.url))

/** Files and folders the process may read: its own code, the engine, the models and the codecs. */
export const readable: readonly string[] = [
  join(here, 'child/'),
  join(here, 'drawn-text.ts'),
  join(here, 'grey-png.ts'),
  join(client, 'ocr/'),
  join(client, 'padding.ts'),
  fileURLToPath(new URL('../../../package.json', import.meta.url)),
  ...[
    'tesseract.js-core',
    '@tesseract.js-data/spa',
    '@tesseract.js-data/eng',
    '@jsquash/jpeg',
    '@jsquash/png',
    '@jsquash/webp',
    '@noble/ciphers',
  ].map(folderOf),
]

/** Memory that can be written to, in KiB: an unpacked image of the largest size twice, the engine, and Node itself. */
const dataKib = 1_200_000
const heapMib = 384
/** Of 64 KiB: 768 MiB for each WebAssembly module. */
const wasmPages = 12_288
const processorSeconds = 60
const openFiles = 64

/*
 * The filter comes first, since files cannot be written to afterwards: a handler of crashes that takes core dumps through a pipe
 * ignores their limit, and gets nothing of the memory. Whatever is refused here keeps the process from starting.
 */
const shell = [
  'set -e',
  'if [ -w /proc/self/coredump_filter ]; then echo 0 > /proc/self/coredump_filter; fi',
  'ulimit -c 0',
  'ulimit -f 0',
  `ulimit -d ${dataKib}`,
  `ulimit -t ${processorSeconds}`,
  `ulimit -n ${openFiles}`,
  'exec "$0" "$@"',
].join('; ')

const nodeFlags = [
  '--permission',
  ...readable.map((path) => `--allow-fs-read=${path}`),
  '--preserve-symlinks',
  '--preserve-symlinks-main',
  '--disallow-code-generation-from-strings',
  '--disable-proto=delete',
  '--no-addons',
  '--no-warnings',
  `--max-old-space-size=${heapMib}`,
  `--wasm-max-mem-pages=${wasmPages}`,
]

export const readingModule = join(here, 'child/main.ts')
export const trialModule = join(here, 'child/trial.ts')

export interface Command {
  program: string
  args: string[]
  environment: Record<string, string>
}

/** The command that runs a module behind the walls. */
export function isolated(module: string): Command {
  return { program: '/bin/sh', args: ['-c', shell, process.execPath, ...nodeFlags, module], environment: {} }
}
