import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { freePort } from '../../src/run/free-port.ts'

export interface Launched {
  address: string
  pid: number
  /** Resolves when the process has ended. */
  stop(): Promise<void>
}

export interface Launch {
  /** For Node: flags, the program, its arguments. */
  args(port: number): string[]
  environment(port: number): Record<string, string>
  /** Where it works and its log goes. */
  directory: string
  /** Path that answers once it takes requests. */
  ready: string
}

/**
 * Starts a server on a free port of this machine and resolves when it is ready. What it says goes to `<port>.log`, as in operation.
 * Rejects with its log when it is not ready within 30 s.
 */
export async function launch({ args, environment, directory, ready }: Launch): Promise<Launched> {
  const port = await freePort()
  const log = join(directory, `${port}.log`)
  const output = openSync(log, 'a')
  const child = spawn(process.execPath, args(port), {
    cwd: directory,
    env: { PATH: process.env['PATH'], ...environment(port) },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const address = `http://127.0.0.1:${port}`
  const stop = async () => {
    child.kill('SIGTERM')
    // Some never leave by themselves while a connection is open.
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended(child)
    clearTimeout(late)
  }
  const deadline = Date.now() + 30_000
  while (!(await answers(`${address}${ready}`))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`${args(port).join(' ')} did not start: ${readFileSync(log, 'utf8')}`)
    }
    await systemClock.sleep(25)
  }
  return { address, pid: child.pid ?? Number.NaN, stop }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise((resolve) => child.once('exit', resolve))
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}
