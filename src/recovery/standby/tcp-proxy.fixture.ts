import { connect, createServer, type Socket } from 'node:net'

/** A wire between two servers that can be cut and mended. */
export interface TcpProxy {
  port: number
  /** From now on nothing passes, and nobody is told: what a network that drops packets does. */
  cut(): void
  mend(): void
  close(): Promise<void>
}

export async function tcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let open = true
  const server = createServer((inner) => {
    const outer = connect(target)
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('data', (bytes) => {
        // What is sent into a cut wire is lost; a connection that lost bytes is not used again.
        if (open) other.write(bytes)
      })
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port')
  return {
    port: address.port,
    cut: () => {
      open = false
    },
    mend: () => {
      for (const socket of sockets) socket.destroy()
      open = true
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
