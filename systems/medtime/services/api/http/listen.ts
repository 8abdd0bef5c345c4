import type { FastifyInstance } from 'fastify'
import type { HttpSettings } from './http-settings.ts'
import type { Log } from './log.ts'
import { followCertificate } from './tls.ts'

/** How often the files of the certificate are looked at. */
const certificateEveryMs = 1_000

/**
 * Listens, and takes a new certificate when its files change.
 * @returns what closes the server once its requests are answered
 */
export async function listen(
  server: FastifyInstance,
  { host, port }: { host: string; port: number },
  { certificateFiles }: HttpSettings,
  log: Log,
): Promise<() => Promise<void>> {
  if (certificateFiles) {
    followCertificate(server.server, certificateFiles, certificateEveryMs, (taken) =>
      log.info({ event: taken ? 'certificate_taken' : 'certificate_unusable' }),
    )
  }
  await server.listen({ host, port })
  return async () => {
    // A connection that is answering now is not idle yet, and would be kept for a next request that never comes.
    const idle = setInterval(() => server.server.closeIdleConnections(), 50)
    await server.close()
    clearInterval(idle)
  }
}
