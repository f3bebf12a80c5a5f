/**
 * The commands of Interp Bench.
 */
export namespace CommandIDs {
  export const focus = 'interp-bench:focus';
  export const start = 'interp-bench:start';
  export const pause = 'interp-bench:pause';
  export const stop = 'interp-bench:stop';
  export const resume = 'interp-bench:resume';
  export const approve = 'interp-bench:approve';
  export const skip = 'interp-bench:skip';
  export const goToApproval = 'interp-bench:go-to-approval';
  export const goToRunningCell = 'interp-bench:go-to-running-cell';
  export const openNotebook = 'interp-bench:open-notebook';
  export const openReport = 'interp-bench:open-report';
  export const score = 'interp-bench:score';
  export const replay = 'interp-bench:replay';
  export const fork = 'interp-bench:fork';
  export const help = 'interp-bench:help';
  export const tour = 'interp-bench:tour';
  export const showHistory = 'interp-bench:show-history';
}
