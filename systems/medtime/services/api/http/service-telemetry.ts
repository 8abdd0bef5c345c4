import { join } from 'node:path'
import { createTelemetry } from 'aval/telemetry'
import plan from '../../../plan.ts'
import { type Destinations, readDestinations } from './telemetry-destinations.ts'

/**
 * Everything a service tells of itself, from the list of the plan. Lines about requests wait to be written together.
 * @param destinations from the environment unless told
 * @throws TypeError when an address in the environment is none
 */
export function serviceTelemetry<const Service extends string>(
  service: Service,
  destinations: Destinations = readDestinations(process.env),
) {
  return createTelemetry(plan.telemetry, { service, root: ownCode, mayWait: ['request'], ...destinations })
}

export type ServiceTelemetry<Service extends string> = ReturnType<typeof serviceTelemetry<Service>>
export type ServiceTracer = ServiceTelemetry<'api'>['tracer']

/** Of the frames of an error those below it are told of. */
const ownCode = join(import.meta.dirname, '../../..')
