// Runs before the first paint; the rest of the theme handling is in src/stores/theme.ts.
;(() => {
  let wanted = 'system'
  try {
    wanted = localStorage.getItem('warren.theme') || 'system'
  } catch {
    // Storage may be closed to us; the system's choice is then good enough.
  }
  const system = matchMedia('(prefers-contrast: more)').matches
    ? 'contrast'
    : matchMedia('(prefers-color-scheme: light)').matches
      ? 'light'
      : 'dark'
  document.documentElement.dataset.theme = wanted === 'system' ? system : wanted
})()
