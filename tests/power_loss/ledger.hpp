// What the disk must hold after the power went, by what the stores had promised until then.
//
// Each blob, manifest and tag has the values it may have: one, when the last change to it was promised to last; the
// one before too while a change is under way, or after one that need not last (a tag that was dropped may come back).
#pragma once

#include "history.hpp"

#include <map>
#include <set>
#include <string>

namespace longshore::power_loss {

using Values = std::map<std::string, std::string>;  // "blob 2": "whole"

class Ledger {
public:
    Ledger();
    void begin(const Step& step);  // about to be taken
    void end(const Step& step);    // taken, and said to have worked
    // What is there now is what there was, whatever it is: nothing more can be lost of it.
    void settle(const Values& observed);
    // A sentence for each value that may not be.
    [[nodiscard]] std::vector<std::string> faults(const Values& observed) const;

private:
    std::map<std::string, std::set<std::string>> possible_;
};

// What readers of the stores are given. A blob that the store does not call unchanged is hashed first, as the mirror
// does.
Values observe(World& world);

}  // namespace longshore::power_loss
