/** As whom an admin looks at the panel in this tab: what is sent with each reading, and what it is called. */
export interface View {
  header: string
  name: string
}

const KEY = 'warren.view-as'

/** Kept for the tab alone, over reloads. */
export function currentView(): View | undefined {
  try {
    const { header, name } = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Partial<View>
    return header && name ? { header, name } : undefined
  } catch {
    return undefined
  }
}

function go(to: string): void {
  // Read anew from the ground up: nothing of what the other one sees may stay.
  window.location.assign(to)
}

export function beginView(view: View): void {
  sessionStorage.setItem(KEY, JSON.stringify(view))
  go('/')
}

export function forgetView(): void {
  try {
    sessionStorage.removeItem(KEY)
  } catch {
    // No storage: there was none.
  }
}

export function endView(): void {
  forgetView()
  go('/')
}
