import { join } from 'node:path'
import { systemClock } from '../../../src/clock.ts'
import { type Child, startChild } from '../../../src/process.ts'
import { freePort } from '../../../src/run/free-port.ts'

const services = join(import.meta.dirname, '../services')

export interface RunningService {
  address: string
  /** What it said last. */
  said(): string
  /** Asks it to end, or ends it with another signal. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** A service of MedTime in a process of its own, as a supervisor would start it, once it says that it is ready. */
export async function startService(
  name: 'issuer' | 'accounts' | 'api' | 'catalog',
  environment: Readonly<Record<string, string>>,
): Promise<RunningService> {
  const port = await freePort()
  const child = await startChild({
    program: process.execPath,
    args: [join(services, name, 'main.ts')],
    env: {
      PATH: process.env['PATH'] ?? '',
      // Compiled once, not for each of the many that a test starts; where the launcher keeps it too.
      NODE_COMPILE_CACHE:
        process.env['NODE_COMPILE_CACHE'] ?? join(import.meta.dirname, '../../../.aval/compile-cache'),
      HOST: '127.0.0.1',
      PORT: String(port),
      AVAL_SYSTEM: 'medtime',
      AVAL_SERVICE: name,
      AVAL_ENVIRONMENT: 'scratch',
      ...environment,
    },
  })
  const address = `http://127.0.0.1:${port}`
  const said = lastWords(child)
  const stop = async (signal?: NodeJS.Signals) => {
    await child.stop(signal === undefined ? {} : { signal })
  }
  try {
    await untilReady(`${address}${name === 'issuer' ? '/health' : '/health/ready'}`, child, said)
  } catch (error) {
    await stop()
    throw error
  }
  return { address, said, stop }
}

async function untilReady(url: string, child: Child, said: () => string): Promise<void> {
  const deadline = systemClock.now() + 30_000
  let ended = false
  void child.ended.then(() => {
    ended = true
  })
  while (systemClock.now() < deadline) {
    if (ended) throw new Error(`the service ended before it was ready: ${said()}`)
    const ready = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (ready) return
    await systemClock.sleep(50)
  }
  throw new Error(`the service was not ready in time: ${said()}`)
}

function lastWords(child: Child): () => string {
  const chunks: Buffer[] = []
  const keep = (chunk: Buffer) => {
    chunks.push(chunk)
    if (chunks.length > 50) chunks.shift()
  }
  child.process.stdout?.on('data', keep)
  child.process.stderr?.on('data', keep)
  return () => Buffer.concat(chunks).toString('utf8').slice(-2_000)
}
