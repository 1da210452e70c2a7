(function () {
  "use strict";
  var all = function (selector, root) { return Array.prototype.slice.call((root || document).querySelectorAll(selector)); };

  // Filter: a row stays when it has one of the pressed verdicts and all of the words.
  var bar = document.querySelector(".filter");
  if (bar) {
    bar.hidden = false;
    var input = bar.querySelector("input");
    var chips = all(".chip", bar);
    var shown = bar.querySelector(".shown");
    var findings = all(".finding");
    var families = all(".family");
    var wasOpen = families.map(function (f) { return f.open; });
    var classOf = {};
    chips.forEach(function (c) { classOf[c.dataset.verdict] = c.className.replace("chip", "").trim(); });

    var apply = function () {
      var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      var verdicts = chips.filter(function (c) { return c.getAttribute("aria-pressed") === "true"; }).map(function (c) { return c.dataset.verdict; });
      var active = words.length > 0 || verdicts.length > 0;
      var fits = function (element, wanted) {
        var has = (element.dataset.verdicts || "").split(" ");
        return (wanted.length === 0 || wanted.some(function (v) { return has.indexOf(v) >= 0; })) &&
          words.every(function (w) { return (element.dataset.text || "").indexOf(w) >= 0; });
      };
      var classes = verdicts.map(function (v) { return classOf[v]; });
      findings.forEach(function (f) { f.hidden = !fits(f, classes); });
      var total = 0, left = 0;
      families.forEach(function (family, i) {
        var any = false;
        all("tbody tr", family).forEach(function (row) {
          var keep = fits(row, verdicts);
          row.hidden = !keep;
          total += 1;
          if (keep) { left += 1; any = true; }
        });
        family.hidden = !any;
        family.open = active ? any : wasOpen[i];
      });
      shown.textContent = active ? left + " of " + total + " checks" : "";
    };
    input.addEventListener("input", apply);
    chips.forEach(function (c) {
      c.addEventListener("click", function () {
        c.setAttribute("aria-pressed", c.getAttribute("aria-pressed") === "true" ? "false" : "true");
        apply();
      });
    });
    // A browser may have kept the text from before a reload.
    apply();
  }

  // Copy buttons.
  all(".copy").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var code = button.parentNode.querySelector("code");
      var done = function () {
        button.textContent = "Copied";
        setTimeout(function () { button.textContent = "Copy"; }, 1500);
      };
      var bySelection = function () {
        var range = document.createRange();
        range.selectNodeContents(code);
        var selection = getSelection();
        selection.removeAllRanges();
        selection.addRange(range);
        if (document.execCommand("copy")) { done(); }
      };
      if (navigator.clipboard) {
        navigator.clipboard.writeText(code.textContent).then(done, bySelection);
      } else {
        bySelection();
      }
    });
  });

  // Open all findings, or close them.
  var button = document.querySelector("button.all");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var open = button.textContent === "Open all";
      all(".finding").forEach(function (f) { f.open = open; });
      button.textContent = open ? "Close all" : "Open all";
    });
  }

  // A link from the matrix opens what it leads to.
  var reveal = function () {
    var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") {
      target.hidden = false;
      target.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Paper cannot be opened: print everything, then close it again.
  var closed = [];
  addEventListener("beforeprint", function () {
    closed = all("details:not([open])");
    closed.forEach(function (d) { d.open = true; });
  });
  addEventListener("afterprint", function () {
    closed.forEach(function (d) { d.open = false; });
  });
})();
