import { errorCode, type Log } from './log.ts'

/**
 * Runs a service until SIGTERM or SIGINT, then lets it finish what it does.
 * @param graceMs what still runs this long after the signal is cut off
 * @param start resolves once the service serves, with what ends it; rejects with words about the configuration that hold no value of it
 */
export async function runService(log: Log, graceMs: number, start: () => Promise<() => Promise<void>>): Promise<void> {
  const { promise: signalled, resolve } = Promise.withResolvers<void>()
  process.on('SIGTERM', () => resolve())
  process.on('SIGINT', () => resolve())
  let end: () => Promise<void>
  try {
    end = await start()
  } catch (error) {
    log.error({ event: 'not_started', error_code: errorCode(error) }, error)
    process.stderr.write(`${error instanceof Error ? error.message : 'The service could not start'}\n`)
    process.exitCode = 1
    return
  }
  log.info({ event: 'listening' })
  await signalled
  log.info({ event: 'stopping' })
  setTimeout(() => process.exit(1), graceMs).unref()
  await end()
  log.info({ event: 'stopped' })
}
