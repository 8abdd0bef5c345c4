import { startServer } from '../../../postgres/launch.ts'
import { type CarryOut, need, type Run } from '../run.ts'
import { startFromClone } from './rebuilding.ts'

/** Bringing services and clients to a database that is there again. */

/** How long a restored system may take to answer a client before the step has failed, milliseconds. */
const patienceMs = 60_000

export const startServices: CarryOut = async (run) => {
  const { clock, faults, scratch } = run.session
  const environment = await scratch.environment()
  if (run.fault === 'all-lost') {
    const { addresses } = await startFromClone(run)
    return { by: `aval up ${run.session.system.name}, in the clone`, saw: `${Object.keys(addresses).join(', ')} ready` }
  }
  if (run.fault === 'page-corrupted') {
    await environment.startServices()
    return { by: 'the services started', saw: readiness(environment.addresses()) }
  }
  if (!faults.has('services-left-behind')) {
    const dataDirectory = need(run.made.directory, 'restored a cluster')
    const { binaries, server: lost } = environment
    // The old one would answer on the same port; where it still runs it is not wanted any more.
    await run.site.stopArchive()
    await environment.stopServices()
    if (lost.running()) await lost.stop('fast')
    const server = await startServer({ dataDirectory, binaries, clock, port: lost.port })
    await environment.replaceServer(server)
    await environment.startServices()
    run.site.announce()
    await run.site.archive()
  }
  return {
    by: 'the server started where the lost one listened, the services started on it, the WAL received again',
    saw: readiness(environment.addresses()),
  }
}

function readiness(addresses: Record<string, string>): string {
  const names = Object.keys(addresses)
  return names.length === 0 ? 'the plan starts no service of its own' : `${names.join(', ')} ready`
}

export const checkHealth: CarryOut = async (run) => {
  const { faults, scratch, system } = run.session
  const environment = await scratch.environment()
  const addresses = run.session.routed() ?? environment.addresses()
  const asked: string[] = []
  for (const [name, address] of Object.entries(addresses)) {
    const service = system.plan.services[name]
    if (service === undefined || !('ready' in service) || service.ready === undefined) continue
    asked.push(`${name}${service.ready}`)
    if (faults.has('services-left-behind')) continue
    const response = await fetch(new URL(service.ready, address), { signal: AbortSignal.timeout(10_000) })
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`${name}${service.ready} answered ${response.status}`)
  }
  return {
    by: 'requests to every service',
    saw: asked.length === 0 ? 'no service names a health path' : `${asked.join(', ')} answered`,
  }
}

export const smokeTest: CarryOut = async (run) => {
  const { passed, checks } = await run.session.exercise.smoke()
  if (!passed) {
    const failed = checks.filter((check) => !check.passed).map(({ name, detail }) => `${name}: ${detail ?? 'failed'}`)
    throw new Error(failed.join('; '))
  }
  return { by: "the smoke test of the system's exercise", saw: `${checks.map(({ name }) => name).join(', ')} passed` }
}

/** Waits until the client that never stopped trying was answered on a request sent after the fault. */
export async function untilServed({ session, watch, blow }: Run): Promise<number | undefined> {
  const { clock, signal } = session
  const served = () => watch.acks.find((ack) => ack.sentAt > blow.at)?.acknowledgedAt
  const deadline = clock.now() + patienceMs
  while (served() === undefined && clock.now() < deadline) await clock.sleep(20, signal)
  return served()
}
