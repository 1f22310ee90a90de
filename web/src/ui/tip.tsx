import { Tooltip } from 'radix-ui'
import type { ReactNode } from 'react'

/** A word more on hover and focus. Never the only place where something is said. */
export function Tip({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          sideOffset={6}
          collisionPadding={8}
          className="pop z-(--z-tip) max-w-72 rounded-in border border-line-2 bg-overlay px-2 py-1 text-12 text-t1 shadow-lift"
        >
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}
