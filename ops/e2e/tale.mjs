// How a tale runs: to its end, and whatever comes of it, all that it has begun is undone.

/** Runs `main`, then undoes what stands in `ended`, the last first; ends this process with how it went. */
export async function tell(name, ended, main) {
  let failure
  try {
    await main()
  } catch (error) {
    failure = error
  }
  for (const end of ended.reverse()) {
    try {
      await end()
    } catch (error) {
      console.error(`  cleaning up: ${error.message}`)
    }
  }
  if (failure) {
    console.error(`${name}: FAILED: ${failure.stack}`)
    process.exit(1)
  }
  console.log(`${name}: passed`)
  process.exit(0)
}
