import type { Mutation } from 'aval'
import { preload } from './preload.ts'

/** Breaks that only requests nobody thought of bring to light. */
export const requestsMutations: Mutation[] = [
  {
    id: 'broken-json-fails',
    breaks: 'behaviour/requests:api/answered',
    description: 'A body that is no JSON is answered as a failure of the service',
    environment: preload('api', 'broken-json-fails.ts'),
  },
  {
    id: 'unknown-types-end-the-service',
    breaks: 'behaviour/requests:api/answered',
    description: 'A body of a type that nobody reads ends the process',
    environment: preload('api', 'unknown-types-end.ts'),
  },
  {
    id: 'bodies-logged',
    breaks: 'behaviour/requests:api/answered',
    description: 'What is refused is written to the log, as many services do to find out why',
    environment: preload('api', 'bodies-logged.ts'),
  },
  {
    id: 'sign-ins-logged',
    breaks: 'behaviour/requests:accounts/answered',
    description: 'A sign-in that is refused is written to the log with the address of the person',
    environment: preload('accounts', 'bodies-logged.ts'),
  },
]
