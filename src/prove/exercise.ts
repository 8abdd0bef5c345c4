import type { Random } from '../random.ts'
import type { Fleet } from './fleet.ts'

/*
 * How a prover drives a system it does not know. Every system ships one exercise; the provers bring load, faults and
 * judgement, the exercise brings real clients and the knowledge of what an answer means.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** What an exercise may know about the environment it drives. */
export interface ExerciseEnvironment {
  /** Base address of a service, such as `http://127.0.0.1:41234`; asked anew before every use, since a restore may move it. */
  address(service: string): string
  /** Present moment, milliseconds since the epoch. */
  now(): number
  /**
   * The database as a role of the plan reaches it, asked anew before every use: for clients that speak SQL themselves, and for what a service
   * does of itself, such as after an hour has gone by on its clock. Undefined where nobody tries that.
   */
  databaseUrl?(role: string): string
  /** Id of the mutation of its own that a self-test tries, where the break is in the clients and the exercise has to make it. */
  mutation?: string
}

/** A real client of the system. */
export interface Actor {
  id: string
}

/**
 * What the system promised to keep: made from an answer that reported success, and from nothing else. Serialisable, because
 * provers journal acknowledgements outside the system under test.
 */
export interface Ack {
  /** Unique in the run. */
  id: string
  actor: string
  operation: string
  /** `write`: the system promised to keep it. `read`: nothing to keep, counted for load only. */
  kind: 'write' | 'read'
  /** When the request was sent and when its success was received, milliseconds since the epoch. */
  sentAt: number
  acknowledgedAt: number
  /** Whatever `readBack` needs to recognise it; never a secret of a real person. */
  token: Json
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /**
   * Path and query; `{{name}}` is replaced by what an earlier exchange saved, percent-encoded. `{{name+90s}}` and
   * `{{name-5m}}` are a saved moment (RFC 3339) shifted, here and in every other text.
   */
  path: string
  headers?: Record<string, string>
  /** JSON body, `{{name}}` replaced inside strings; a string that is `{{name}}` alone takes the saved value with its type. */
  json?: Json
  /** Raw body for malformed input; sent as `application/json` unless `headers` says otherwise. */
  text?: string
  /** Raw body in base64, for what is no text; sent as `application/json` unless `headers` says otherwise. */
  base64?: string
}

/**
 * What an answer must look like. `json` is matched as a subset: named members must match, others are free, arrays match
 * element by element and in length. A string is matched by what it starts with:
 *
 * - `re:` a regular expression, in which `{{name}}` stands for the saved value taken literally;
 * - `any:` a type: `any:string`, `any:number`, `any:boolean`, `any:object`, `any:array`, `any:null`;
 * - `absent:` a member that must be missing;
 * - `not:` anything that is there and differs, such as `not:{{cursor}}`;
 * - anything else is the value itself; `{{name}}` alone is the saved value with its type.
 */
export interface Expectation {
  status: number
  /** Matched by the same rules as strings in `json`. */
  headers?: Record<string, string>
  json?: Json
  /** Parts that the raw body must and must not hold, each literal or with `re:`. */
  text?: { has?: string[]; lacks?: string[] }
}

export interface Exchange {
  /** Whose credentials the request carries; none when absent. */
  as?: string
  service: string
  request: HttpRequest
  expect: Expectation
  /** Values kept for later exchanges: name to JSON pointer into the answer. */
  save?: Record<string, string>
}

/** One case of a contract, as data. The last exchange is the case, those before it set the scene. */
export interface Behaviour {
  id: string
  /** `service/promise` of the plan that the case belongs to, or `limits/<name>` for a limit that has cases. */
  promise: string
  title: string
  exchanges: Exchange[]
}

/**
 * A case of a contract that no exchange can show: what a client does by itself, or what a service does once its clock has moved on. It must
 * find users of its own, as a behaviour does.
 */
export interface Trial {
  id: string
  /** As of a behaviour. */
  promise: string
  title: string
  /**
   * @returns every difference from what was promised, none of which can hold a secret; empty when there is none
   * @throws when it could not be tried, which says nothing about the promise
   */
  run(signal: AbortSignal): Promise<string[]>
}

/** What a service counts only when something happens that is not of every day. */
export interface Occasion {
  service: string
  /** A counter that the plan lists for the service. It must have grown afterwards. */
  metric: string
  /**
   * What the service has to do without meanwhile: its database, or whoever collects what it tells of itself. Whoever proves it takes that away for real
   * and brings it back.
   */
  without?: 'database' | 'collector'
  /**
   * Makes it happen in the way it does in practice; a refusal counts as happened.
   * @throws when it could not be made to happen, which says nothing about the service
   */
  give(signal: AbortSignal): Promise<void>
}

/** A way data enters the system, able to carry a planted value. */
export interface Path {
  id: string
  /** Sends the value through; a refusal counts as sent, since errors are a path as well. */
  plant(value: string): Promise<void>
  /** Takes seconds rather than milliseconds, so that not everything is sent through it. */
  costly?: true
  /**
   * Why the system keeps the value as it came, where it is meant to: an identifier that the client chooses, such as of a device. It may then
   * lie in the database and its backups, and still never in what is measured or logged.
   */
  keptAsSent?: string
}

export interface SmokeResult {
  passed: boolean
  checks: { name: string; passed: boolean; detail?: string }[]
}

/**
 * A break of the system under test that `--self-test` applies: SQL run as the owner of the schema after migration, or
 * environment variables given to services; with neither, a break of its clients, which the exercise makes when it is told of it.
 * The guarantee named must then be refuted.
 */
export interface Mutation {
  id: string
  /** Id of the guarantee it breaks. */
  breaks: string
  description: string
  sql?: string[]
  environment?: Record<string, Record<string, string>>
}

export interface Exercise {
  /** Clients with data of their own. The same seed and count give the same clients. */
  actors(seed: number, count: number): Promise<Actor[]>
  /**
   * Whose rows an actor writes: the value of the plan's tenant column (`database.rowSecurity.tenant`). Without it nobody can delete the
   * rows of one tenant and see them brought back.
   */
  tenantOf?(actor: Actor): string
  /** One realistic operation; resolves only when the system acknowledged it, rejects when it did not. */
  step(actor: Actor, random: Random): Promise<Ack>
  /** One named operation of the plan's performance entries, such as `push of 50 entities`. Resolves when answered. */
  perform(operation: string, actor: Actor, random: Random): Promise<void>
  /**
   * Whether an acknowledged write is there. A write that a later one replaced counts as kept, since whoever wrote the later
   * one had seen it.
   */
  readBack(ack: Ack): Promise<'kept' | 'lost' | 'altered'>
  /**
   * What real clients do after a restore: notice it and bring back what they hold. Resolves when all of them settled. Without it clients hold
   * nothing, and what a restore lost within the objective stays lost.
   */
  settle?(actors: readonly Actor[]): Promise<void>
  /** Clients that work offline, for a system that has such; without it nobody lets devices live through a day. */
  fleet?(): Fleet
  /** Headers that carry the identity of a named person of the behaviours. */
  credentials(alias: string): Promise<Record<string, string>>
  paths(): Path[]
  behaviours(): Behaviour[]
  /** Cases beside the behaviours, for promises and limits alike. */
  trials?(): Trial[]
  /** What makes services count that nothing of the rest does. */
  occasions?(): Occasion[]
  mutations(): Mutation[]
  smoke(): Promise<SmokeResult>
}

export type ExerciseFactory = (environment: ExerciseEnvironment) => Exercise

/** Declares the exercise of a system; exported from its `exercise.ts` as `exercise`. */
export function defineExercise(factory: ExerciseFactory): ExerciseFactory {
  return factory
}
