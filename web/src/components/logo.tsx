/** A cut through the ground: two entrances, two bends, one chamber. */
export function Logo({ size = 20 }: { size?: number }) {
  return (
    <svg
      aria-hidden="true"
      className="shrink-0 text-accent [[data-theme=light]_&]:text-accent-solid"
      width={size}
      height={size}
      viewBox="0 0 16 16"
    >
      <mask id="warren-cut">
        <path fill="#fff" d="M0 0h16v16H0z" />
        <path
          fill="none"
          stroke="#000"
          strokeWidth="2"
          strokeLinecap="round"
          strokeLinejoin="round"
          d="M4-1V9.5a2 2 0 0 0 4 0V6v3.5a2 2 0 0 0 4 0V-1"
        />
      </mask>
      <rect width="16" height="16" rx="4" fill="currentColor" mask="url(#warren-cut)" />
    </svg>
  )
}
