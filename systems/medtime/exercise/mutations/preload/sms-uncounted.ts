/*
 * The template is looked for where it never stands, so that no SMS is counted.
 */
import { rewriteSource } from './source.ts'

rewriteSource('services/messenger/messenger-metrics.ts', 'templates.includes(template)', 'templates.includes(status)')
