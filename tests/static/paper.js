/** What the page as it is now brings onto paper: its text, and whatever nobody can press there. */
() => ({
  text: document.body.innerText,
  pressed: [...document.querySelectorAll('button, input, textarea, details:not([open]) summary, .button, .chip, [role=img], dialog')]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }))
    .map((element) => element.outerHTML.slice(0, 160)),
})
