import type { FastifyRequest } from 'fastify'

/*
 * An answer that lasts as long as its client listens says nothing about how soon the service answers. What counts for such a
 * one is how long it took to begin.
 */
const begun = new WeakMap<FastifyRequest, number>()

/** The answer has begun after these milliseconds and will go on. */
export function noteBegun(request: FastifyRequest, ms: number): void {
  begun.set(request, ms)
}

/** Milliseconds after which a lasting answer began; undefined for any other. */
export function begunAfter(request: FastifyRequest): number | undefined {
  return begun.get(request)
}
