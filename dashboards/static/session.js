// A page whose connection was refused because its session is over loads itself again, which leads to the login page.
// This file itself needs a session, so asking for it tells.
setInterval(async () => {
  if (document.hidden || !window.socket || window.socket.connected) return;
  const answer = await fetch("/static/session.js", { cache: "no-store" }).catch(() => null);
  if (answer && answer.status === 401) window.location.reload();
}, 4000);
