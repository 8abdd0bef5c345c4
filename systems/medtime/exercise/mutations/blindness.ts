import type { Mutation } from 'aval'
import { preload } from './preload.ts'

const breaks = 'blindness/forbidden/query_parameters'

/** Leaks of the kinds that monitoring usually has: each in another place, each by a module that the api loads first. */
export const blindnessMutations: Mutation[] = [
  {
    id: 'label-tells',
    breaks: 'blindness/forbidden/user_names',
    description: 'A metric is labelled with what a client calls itself',
    environment: preload('api', 'label-tells.ts'),
  },
  {
    id: 'label-unlisted',
    breaks: 'blindness/telemetry/allow-list',
    description: 'A metric has a label that the plan does not list',
    environment: preload('api', 'label-tells.ts'),
  },
  {
    id: 'log-text-tells',
    breaks: 'blindness/forbidden/medication_names',
    description: 'A line of the log says what was looked for',
    environment: preload('api', 'log-text-tells.ts'),
  },
  {
    id: 'log-key-tells',
    breaks: 'blindness/forbidden/user_behavior_details',
    description: 'A field of the log is named after what a client sent',
    environment: preload('api', 'log-key-tells.ts'),
  },
  {
    id: 'access-log-tells',
    breaks,
    description: 'The access log keeps the query of each request',
    environment: preload('api', 'access-log-tells.ts'),
  },
  {
    id: 'exception-tells',
    breaks: 'blindness/forbidden/exception_details_with_phi',
    description: 'The message of an exception is logged, with the text that caused it',
    environment: preload('api', 'exception-tells.ts'),
  },
  {
    id: 'statement-tells',
    breaks,
    description: 'A comment in each statement repeats the query of the request',
    environment: preload('api', 'statement-tells.ts'),
  },
  {
    id: 'span-tells',
    breaks,
    description: 'Spans are named after the address of the request',
    environment: preload('api', 'span-tells.ts'),
  },
  {
    id: 'report-tells',
    breaks,
    description: 'Error reports carry the request they are about',
    environment: preload('api', 'report-tells.ts'),
  },
  {
    id: 'digest-tells',
    breaks: 'blindness/forbidden/medication_adherence_patterns',
    description: 'The log keeps an unkeyed digest of what was looked for',
    environment: preload('api', 'digest-tells.ts'),
  },
]
