import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer as createTls } from 'node:tls'
import { z } from 'zod'
import type { Plan } from '../../plan/plan.ts'
import { makeCertificates } from '../probes/certificates.ts'
import type { ProofSession } from '../prover.ts'

/**
 * Takes the place of services that the plan names and Aval does not start: each answers 200 at its paths of health and at its root, and 404 elsewhere.
 * @returns addresses by service
 */
export async function standInsFor(
  { services }: Plan,
  started: readonly string[],
  session: ProofSession,
): Promise<Record<string, string>> {
  const addresses: Record<string, string> = {}
  for (const [name, { live, ready }] of Object.entries(services).filter(([each]) => !started.includes(each))) {
    const paths = ['/', live, ready]
    const server = createHttp((request, response) =>
      response.writeHead(paths.includes(request.url) ? 200 : 404, { connection: 'close' }).end(),
    )
    addresses[name] = `http://${await listen(server, session)}`
  }
  return addresses
}

/** Whatever ends TLS for a domain, with a certificate that is valid. @throws without openssl */
export async function standInEdge(session: ProofSession): Promise<string> {
  const { good } = await makeCertificates()
  return listen(
    createTls(good, (socket) => socket.on('error', () => undefined).end()),
    session,
  )
}

async function listen(server: ReturnType<typeof createHttp> | ReturnType<typeof createTls>, session: ProofSession) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  session.defer(async () => {
    server.close()
    await once(server, 'close')
  })
  const { port } = z.object({ port: z.int() }).parse(server.address())
  return `127.0.0.1:${port}`
}
