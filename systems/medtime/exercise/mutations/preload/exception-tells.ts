/*
 * The message of an exception in the log, and in the message what could not be read.
 */
const parse = JSON.parse
JSON.parse = (...given: Parameters<typeof JSON.parse>): unknown => {
  try {
    return parse(...given)
  } catch (error) {
    const message = `${String(error)} in ${String(given[0])}`
    console.log(JSON.stringify({ level: 'error', service: 'api', event: 'failed', error_code: message }))
    throw error
  }
}
