import { connect, createServer, type Socket } from 'node:net'
import { failure } from '../errors.ts'

/**
 * One address of the database that stays while the server behind it changes. Services connect to it and know nothing of a
 * failover: their connections break, and the next ones reach the new primary.
 */
export interface DatabaseAddress {
  readonly port: number
  /** Where new connections go from now on; those to another server are cut. Undefined lets nobody in. */
  pointTo(server: { port: number } | undefined): void
  /** The same URL by way of this address. */
  through(url: string): string
  close(): Promise<void>
}

/** Listens on the loopback only, as the servers behind it do; it adds nobody's rights, since it joins over TCP. */
export async function openDatabaseAddress(options: { port?: number } = {}): Promise<DatabaseAddress> {
  let target: number | undefined
  const open = new Map<Socket, number>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const port = target
    if (port === undefined) {
      client.destroy()
      return
    }
    const behind = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    open.set(client, port)
    const cut = () => {
      open.delete(client)
      client.destroy()
      behind.destroy()
    }
    // One end that breaks takes the other with it: half a connection would keep a client waiting for an answer.
    for (const socket of [client, behind]) socket.on('error', cut).on('close', cut)
    client.pipe(behind)
    behind.pipe(client)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null)
    throw failure('UNEXPECTED', { problem: 'the address of the database has no port' })
  const { port } = address
  return {
    port,
    pointTo: (next) => {
      target = next?.port
      for (const [client, to] of open) if (to !== target) client.destroy()
    },
    through: (url) => {
      const made = new URL(url)
      made.hostname = '127.0.0.1'
      made.port = String(port)
      return made.href
    },
    close: () =>
      new Promise((resolve) => {
        target = undefined
        for (const client of open.keys()) client.destroy()
        server.close(() => resolve())
      }),
  }
}
