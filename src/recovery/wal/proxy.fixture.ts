import { connect, createServer, type Server, type Socket } from 'node:net'

/** A connection between a receiver and a server that a test can cut, freeze, or lead elsewhere. */
export interface Wire {
  port: number
  /** Where new connections go. */
  target: number
  /** Bytes that may still pass towards the client before every connection is cut, in the middle of a message. */
  cutAfter(bytes: number): void
  /** Cuts what is open now. */
  cut(): void
  close(): Promise<void>
}

export async function startProxy(target: number): Promise<Wire> {
  const open = new Set<Socket>()
  let left = Number.POSITIVE_INFINITY
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  const server: Server = createServer((client) => {
    const upstream = connect(proxy.target, '127.0.0.1')
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    upstream.on('data', (bytes: Buffer) => {
      if (bytes.length <= left) {
        left -= bytes.length
        client.write(bytes)
        return
      }
      client.write(bytes.subarray(0, left), cut)
      left = Number.POSITIVE_INFINITY
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const proxy: Wire = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    target,
    cutAfter: (bytes) => {
      left = bytes
    },
    cut,
    close: async () => {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy
}

/** The URL of a server, through another port. */
export function through(proxy: Wire, url: string): string {
  const address = new URL(url)
  address.port = String(proxy.port)
  return address.toString()
}
