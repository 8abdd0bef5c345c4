import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { failure } from '../errors.ts'
import { leasePort } from './port-lease.ts'

/*
 * Ports are taken from below the ranges that Linux (from 32768) and macOS (from 49152) hand to outgoing connections: a
 * service keeps its port while it is stopped, and an outgoing connection must not sit on it meanwhile.
 */
const lowest = 15_000
const highest = 32_000

export const loopback = '127.0.0.1'

/**
 * A TCP port of the loopback interface that nothing listens on and no other Aval has chosen: the preferred one when it is free.
 * It is this process's until it ends.
 * @param taken ports promised to somebody else already.
 */
export async function freePort(preferred?: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  if (preferred !== undefined && !taken.has(preferred) && (await isFree(preferred)) && leasePort(preferred))
    return preferred
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(lowest, highest)
    if (!taken.has(port) && (await isFree(port)) && leasePort(port)) return port
  }
  throw failure('NO_FREE_PORT', { lowest, highest })
}

/** Whether a listener can be opened on the port now. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen({ port, host: loopback, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
