import { execFileSync, spawn } from 'node:child_process'
import { resolve4 } from 'node:dns/promises'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import inspector from 'node:inspector'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

/*
 * Ways out of the process that reads images. Each is tried, before the service gives out a key, in a process behind the very same
 * walls, and must be denied. Where the walls are missing they do no harm, and take away what they made.
 */

/** Fulfilled when it got out, rejected when it was denied. */
type Attempt = () => Promise<unknown>

const outside = (name: string) => join(tmpdir(), `medtime-escape-${process.pid}-${name}`)

/** Makes something outside and takes it away again. */
const making = (name: string, make: (path: string) => unknown) => async () => {
  const path = outside(name)
  await make(path)
  rmSync(path, { recursive: true, force: true })
}

const opening = (path: string, flags: string) => async () => closeSync(openSync(path, flags))

const attempts: Readonly<Record<string, Attempt>> = {
  'write a file': making('file', (path) => writeFileSync(path, 'x')),
  'write a file asynchronously': making('later', (path) => writeFile(path, 'x')),
  'change its own code': opening(import.meta.filename, 'r+'),
  'add to its own code': opening(import.meta.filename, 'a'),
  'make a folder': making('folder', mkdirSync),
  'make a link': making('link', (path) => symlinkSync('/etc', path)),
  'write through /proc': opening('/proc/self/comm', 'w'),
  'write a report': making('report', (path) => {
    if (process.report.writeReport(path) === '') throw new Error('no report')
  }),
  'read other files': async () => readFileSync('/etc/passwd'),
  'read its environment in /proc': async () => readFileSync('/proc/self/environ'),
  'open a socket': () =>
    outcomeOf((resolve, reject) =>
      connect({ host: '127.0.0.1', port: 9 }).once('connect', resolve).once('error', reject),
    ),
  'listen on a socket': () =>
    outcomeOf((resolve, reject) => {
      // A denial is thrown past the server's own events.
      process.once('uncaughtException', reject)
      const server = createServer().once('error', reject)
      server.listen(0, '127.0.0.1', () => server.close(resolve))
    }),
  'ask for a name': () => outcomeOf((resolve, reject) => void resolve4('localhost').then(resolve, reject)),
  fetch: () =>
    outcomeOf(
      (resolve, reject) =>
        void fetch('http://127.0.0.1:47190/').then(resolve, (error: unknown) =>
          reject(error instanceof Error && error.cause !== undefined ? error.cause : error),
        ),
    ),
  'start a process': () =>
    outcomeOf((resolve, reject) => spawn('/bin/true').once('exit', resolve).once('error', reject)),
  'start a process and wait': async () => execFileSync('/bin/true'),
  'start a worker': () =>
    outcomeOf((resolve, reject) => new Worker('0', { eval: true }).once('online', resolve).once('error', reject)),
  // No addon, so that it fails in either case: what counts is why.
  'load an addon': () => outcomeOf((resolve) => resolve(process.dlopen({ exports: {} }, '/lib/no-addon.node'))),
  'use WASI': async () => {
    const { WASI } = await import('node:wasi')
    return new WASI({ version: 'preview1', preopens: { '/': '/' } })
  },
  'open an inspector': async () => {
    inspector.open(0)
    inspector.close()
  },
  'make code from a text': async () => new Function('return 1')(),
}

/** Only a denial counts as one: a connection that nobody accepts, and an addon that is none, were tried. */
function outcomeOf(
  attempt: (resolve: (value?: unknown) => void, reject: (error: unknown) => void) => void,
): Promise<unknown> {
  return new Promise(attempt).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ERR_ACCESS_DENIED' || code === 'ERR_DLOPEN_DISABLED') throw error
  })
}

/** The names of those that got out; 'environment' when it holds anything. */
export async function escapes(): Promise<string[]> {
  const out: string[] = []
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      await attempt()
      out.push(name)
    } catch {
      // Denied.
    }
  }
  // The shell sets these two by itself.
  if (Object.keys(process.env).some((name) => name !== 'PWD' && name !== '_')) out.push('environment')
  return out
}
